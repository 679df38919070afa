"""The images that were shown: ids, metadata, lazy pixels."""
