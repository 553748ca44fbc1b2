"""What can be measured of a proof, or said of one from its sizes; no proof needs it."""
