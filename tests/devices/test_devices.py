"""The same numbers on 8 devices as on one.

Few processes run all programs: each process would import and compile for itself.
"""

from tests.cases.devices import on_devices


def test_8_devices_give_the_numbers_of_one():
    on_devices(8, "from tests.devices import exact, training\nexact.main()\ntraining.main()")


def test_graphs_on_4_and_8_devices_give_the_numbers_of_one():
    on_devices(8, "from tests.devices import graphs\ngraphs.main()")
