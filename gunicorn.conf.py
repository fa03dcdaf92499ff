"""What gunicorn reads when it is started in this folder; how many workers is said on its command line."""

# As long as a query that the program itself refuses (core/middleware.py), so that its own answer is given.
limit_request_line = 8190

# Loaded once, before the workers are made: one that was killed is there again at once, and not after the import of everything.
preload_app = True

# Nobody steers it by the socket that it would make in the home of whoever starts it, one for all that he starts.
control_socket_disable = True
