"""What gunicorn reads when it is started in this folder; the number of workers is given on its command line."""

# A little more than the query that the program itself refuses (core/middleware.py), so that its own answer is given.
limit_request_line = 8190

# Loaded once, before the workers are made: a killed one is replaced at once, and not only after importing everything.
preload_app = True

# Nobody controls it by the socket that it would make in the user's home folder, one for all that the user starts.
control_socket_disable = True


def post_worker_init(worker: object) -> None:  # noqa: ARG001 - gunicorn's signature
    """What gunicorn refuses by itself it says as the program would."""
    from gunicorn import util  # type: ignore[import-untyped]

    from config.refusals import write_refusal

    util.write_error = write_refusal
