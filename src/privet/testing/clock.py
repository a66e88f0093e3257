"""A clock that moves when told to. Refuses to go back: the log would not follow."""

from datetime import timedelta

from privet.domain.ids import Millis


class StoppedClock:
    """Callable as a Clock."""

    def __init__(self, now: int = 1_750_000_000_000) -> None:
        self.now = now

    def __call__(self) -> Millis:
        return Millis(self.now)

    def pass_time(self, by: timedelta) -> None:
        """Moves on. Raises ValueError for a step back."""
        if by < timedelta():
            raise ValueError("time does not go back")
        self.now += by // timedelta(milliseconds=1)
