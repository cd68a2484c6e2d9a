"""The parts of the HTML report: what its template shows, in words and pictures."""
