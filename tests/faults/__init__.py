"""The fault harness: `make test-faults`, and a sample of it in `make test`."""
