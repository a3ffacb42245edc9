"""Health: changes are few, however many polls fail; waiting grows and is bounded."""

from controller.health import DeviceHealth, Health, answered, missed, retry_after_s


def states(film: str) -> list[str]:
    """Play `.` (answer) and `x` (miss); the state after each."""
    health, seen = DeviceHealth(), []
    for event in film:
        health = answered(health) if event == "." else missed(health, "no reply")
        seen.append(health.state.value)
    return seen


def test_one_miss_is_not_an_absence() -> None:
    assert states("..x.") == ["online", "online", "suspect", "online"]


def test_three_misses_are() -> None:
    assert states(".xxx.") == ["online", "suspect", "suspect", "offline", "online"]


def test_a_device_never_heard_of_is_offline_at_its_first_miss() -> None:
    assert states("x") == ["offline"]


def test_the_reason_travels_with_the_state() -> None:
    assert missed(DeviceHealth(), "no reply within 1 s").why == "no reply within 1 s"
    assert missed(DeviceHealth(), "x").state is Health.OFFLINE


def test_waiting_doubles_and_is_bounded() -> None:
    health = answered(DeviceHealth())
    waits = []
    for _ in range(12):
        health = missed(health, "")
        waits.append(retry_after_s(health, period_s=1.0, most_s=60.0))
    assert waits == [1, 1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60]


def test_a_year_of_silence_does_not_overflow() -> None:
    health = DeviceHealth(Health.OFFLINE, missed=10**9)
    assert retry_after_s(health, 1.0) == 60.0
