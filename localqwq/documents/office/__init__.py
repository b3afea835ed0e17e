"""Reading the XML of office files: word processors, slides, and sheets' contents beside cells."""
