"""The built-in objects, one module for each category; x is where an object is heading, y up, z towards the viewer."""
