"""A load test that says whether a canary's traffic split is the configured one.

`locustfile` sends the requests and `judge` reads answers that another tool sent for; both hand every answer to
`classify`, count it in a `tally`, ask `verdict` and print a `report`; `page` shows the course of a run. Copy the
folder with its requirements.txt to use it elsewhere: nothing in it knows the rest of this repository.
"""
