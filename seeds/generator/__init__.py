"""Makes the raw tables of an invented Japanese retailer, at any size, the same bytes each time."""
