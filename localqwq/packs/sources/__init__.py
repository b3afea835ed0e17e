"""Where packs come from: hubs, URLs, folders; what a request means there, and what there is."""
