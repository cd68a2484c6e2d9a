"""What is told beside the rules: one module for each format."""
