"""Numbers of documents printed on site: blocks reserved for phones, and what packages have used."""
