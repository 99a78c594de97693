"""How fast mail may leave: rates, what is learnt from refusals, the first wave, the relay's breaker; pure.

rate       so many a unit of time
lane       slots in time, so that no window of the unit holds more
learnt     a domain's own rate: slowly up, quickly down
signs      what a server says of our speed
breaker    how long a relay that does not answer is left alone
canary     who gets an issue first, and what became of it
"""

from digest.pace.breaker import Breaker
from digest.pace.canary import Tally, Verdict, Wave, judge
from digest.pace.lane import Lane, Slots
from digest.pace.learnt import Learnt, faster, slower
from digest.pace.rate import Rate, interval, quota, read_rate
from digest.pace.signs import domain_of, too_fast

__all__ = [
    "Breaker",
    "Lane",
    "Learnt",
    "Rate",
    "Slots",
    "Tally",
    "Verdict",
    "Wave",
    "domain_of",
    "faster",
    "interval",
    "judge",
    "quota",
    "read_rate",
    "slower",
    "too_fast",
]
