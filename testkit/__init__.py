"""What tests and scripts both work with: toys, models, damage, contracts and services. Imports neither."""
