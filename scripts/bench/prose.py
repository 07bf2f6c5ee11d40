"""What `docs/benchmarks.md` says that no run measures: how to read it, and what was slow and has been mended."""

INTRODUCTION = """
Written by `make bench`; do not edit. Every comparison is interleaved: one round of each side in turn, eleven times
over, and the median is shown. A ratio is taken within each round and is then the median of the rounds, so that it
holds on a machine that is busy with other things too.

**Ratios and counts hold, absolute figures do not:** requests a second depend on the processor, on its neighbours and
on the day. The CPU time for each request is the better figure where a machine is shared, and the one to compare
between two versions of this page. For figures of your own run `make bench`, or one part of it:
`python -m scripts.bench --only service`, with `--update` into this page.
"""

MENDED = """
## What was slow, and was mended

The load test beside its former self and a bare user in the same connection mode, eleven rounds:

| requests per CPU second to bare user | before | after |
| :----------------------------------- | -----: | ----: |
| keep-alive                           |   0.85 |  1.07 |
| one request a connection             |   0.96 |  1.37 |

Where Locust spends its time for each request, and what a locustfile can do about it without leaving Locust, each
taken back by itself to see what it is worth:

- *The name of the host.* Each new connection asks gevent's resolver, which hands the question to a thread, even for an
  address such as 127.0.0.1. The client now looks an address up once; a name still each time, since it may have many.
  With one request a connection this is a seventh of the whole.
- *The bytes of the request.* geventhttpclient merges, checks and joins the headers anew each time, though a user sends
  the same request over and over. The client keeps the last one and compares: an eighth with
  keep-alive.
- *The cookie jar.* It is asked before each request and after each answer, behind a lock. A user that is to keep no
  cookies now has no jar: a tenth with keep-alive.
- *The look at an idle socket* before it is used again gives way to all other users, as Locust does after each task.
  Once would be enough, but to leave one out gained nothing that could be measured, and it stays.

What is left: the verdict itself, a twentieth, which looks after each answer, as the fewest answers demand; and
Locust's own statistics and task loop. A task that sends several requests would save a twentieth more, at the price of
a wait time that no longer means what Locust says.

The verdict needed 837 answers on average at 70/30 ±5 points while its thresholds were 1/alpha; calibrated ones
(`scripts/statistics/calibrate.py`) brought that to the limit, with the rule unchanged.
"""
