"""What a person types, pastes and clicks, on its way from the terminal to the widgets."""
