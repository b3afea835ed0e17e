"""Where packs come from: hubs, URLs and folders, and what a request means there."""
