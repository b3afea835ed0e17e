"""Input on its way from the terminal to the widgets: keys, pastes and clicks."""
