"""What was measured of a proof, or can be said of one from its sizes: nothing here is needed to make one."""
