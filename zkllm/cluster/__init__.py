"""Work over the processes and machines of a Ray cluster (ray.io), which does all of the scheduling, transport
and restarting. Ray is an extra, `cluster`: it is imported when a session starts, and nowhere else.
"""
