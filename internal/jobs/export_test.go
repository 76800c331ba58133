package jobs

import "time"

// StopWithin sets how long the worker waits at its end for what is on its way.
func (w *Worker) StopWithin(d time.Duration) { w.stopWithin = d }
