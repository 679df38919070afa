"""A name, a file or a torch module -> activations of named layers."""
