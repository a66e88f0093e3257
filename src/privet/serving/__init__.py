"""The process of `privet serve`: HTTP and portal joined to one application, the server, its workers, its signals."""
