package main

import (
	"errors"
	"net"
)

// metricsFlag says where metrics are served.
type metricsFlag struct {
	MetricsListen string `env:"TRUSTHUB_METRICS_LISTEN" placeholder:"ADDRESS" help:"Address to serve metrics at for Prometheus, at /metrics, without authentication. Off without one."`
}

// validate reports what would keep the metrics from being served.
func (f metricsFlag) validate() error {
	if f.MetricsListen == "" {
		return nil
	}
	if _, _, err := net.SplitHostPort(f.MetricsListen); err != nil {
		return errors.New("--metrics-listen must be a host or IP address and a port, such as 127.0.0.1:9100")
	}
	return nil
}
