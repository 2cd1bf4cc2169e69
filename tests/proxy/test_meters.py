from evenhand.proxy.meters import Meters


def test_each_set_counts_for_itself() -> None:
    one, other = Meters(), Meters()
    one.decisions.labels("bypass").inc()
    counted = [each.registry.get_sample_value("evenhand_decisions_total", {"outcome": "bypass"}) for each in (one, other)]
    assert counted == [1, None]
