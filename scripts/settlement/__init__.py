"""The whole way of a settlement, on local chains."""
