from tests.builders import make_run, make_snapshot
from tide.domain.keys import PoolKey

ELSEWHERE = PoolKey("acme", "engine", "main")


def test_the_tenants_of_a_pool_are_those_of_its_runs_each_once() -> None:
    runs = [make_run("unit", number, tenant_id=tenant) for number, tenant in enumerate(("green", "", "blue", "green"))]
    elsewhere = make_run("unit", 9, pool=ELSEWHERE, tenant_id="red")
    assert make_snapshot(runs=[*runs, elsewhere]).tenant_ids == ("", "blue", "green")
    assert make_snapshot().tenant_ids == ()
