"""Files of rows as people have them: opened, unpacked, decoded, parsed; and, of training data, recognised by their shapes."""
