from tests.builders import POOL, make_run
from tide.domain.keys import PoolKey
from tide.sync.verdicts import tenant_ids

ELSEWHERE = PoolKey("acme", "engine", "main")


def test_the_tenants_of_a_pool_are_those_of_its_runs_each_once() -> None:
    runs = [make_run("unit", number, tenant_id=tenant) for number, tenant in enumerate(("green", "", "blue", "green"))]
    assert tenant_ids([*runs, make_run("unit", 9, pool=ELSEWHERE, tenant_id="red")], POOL) == ("", "blue", "green")
    assert tenant_ids([], POOL) == ()
