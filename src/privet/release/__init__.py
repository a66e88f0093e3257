"""Stage 6: the point of enforcement, which joins the five stages of a read."""
