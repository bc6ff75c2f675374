"""Several processes, on one machine or many, as one run of JAX."""

import os

import jax


def join_processes() -> None:
    """Joins the other processes of a job; call it before anything else of JAX.

    `JAX_NUM_PROCESSES`, `JAX_PROCESS_ID` and `JAX_COORDINATOR_ADDRESS` name them. Without
    these, steps of Slurm with several tasks, Open MPI and pods of TPUs are recognized. All
    processes must see one directory of results.

    Raises:
        ValueError: One of the three variables is missing or is no number.
    """
    names = ("JAX_NUM_PROCESSES", "JAX_PROCESS_ID", "JAX_COORDINATOR_ADDRESS")
    given = {name: os.environ.get(name) for name in names}
    if given["JAX_NUM_PROCESSES"] is not None:
        try:
            number, process = (int(given[name] or "") for name in names[:2])
        except ValueError as error:
            raise ValueError(f"{given}: set all three, to two numbers and HOST:PORT") from error
        jax.distributed.initialize(given[names[2]], number, process)
    elif _is_one_of_several():
        jax.distributed.initialize()


def is_first() -> bool:
    """Whether this process writes the files."""
    return jax.process_index() == 0


def _is_one_of_several() -> bool:
    """Whether a launcher that JAX knows has started this process with others."""
    # Slurm sets this within `srun` alone; a batch script has one process.
    tasks = [os.environ.get(name, "1") for name in ("SLURM_STEP_NUM_TASKS", "OMPI_COMM_WORLD_SIZE")]
    workers = os.environ.get("TPU_WORKER_HOSTNAMES", "").split(",")
    return any(number.isdigit() and int(number) > 1 for number in tasks) or len(workers) > 1
