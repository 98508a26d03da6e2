"""What a run says of itself: curve, trades, figures, plots, pages."""
