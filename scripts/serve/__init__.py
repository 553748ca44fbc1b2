"""What runs a node for people to look at, or to measure."""
