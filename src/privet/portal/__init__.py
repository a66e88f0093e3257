"""The customer's own pages at /my: what is held of her, who used it and why, her choices, and everything to take away.

Server-rendered, without JavaScript. Refuses what does not come from its own pages, from her, and over a safe line.
"""
