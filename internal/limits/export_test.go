package limits

// Known returns how many accounts are kept.
func Known(l *Limiter) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.accounts)
}
