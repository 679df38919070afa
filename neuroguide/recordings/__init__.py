"""Files and archives -> assemblies."""
