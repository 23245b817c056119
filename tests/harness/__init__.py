"""What the gateway and system suites share: a private PostgreSQL, a worker, a FastCGI client, the whole service."""
