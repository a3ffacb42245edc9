"""Evidence: a node's signed chain of records, bundles of it for others, and their verification."""
