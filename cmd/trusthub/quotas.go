package main

import "github.com/opentrusthub/trusthub/internal/hub"

// quotaFlags bound what each account may have, so that none can fill the database of all.
type quotaFlags struct {
	MaxProducts    limit `default:"1000000" env:"TRUSTHUB_MAX_PRODUCTS" help:"Trust Products that an account may have; creates beyond them are refused. Servers count now and then: each may exceed it by two thousandths. 0: no limit."`
	MaxOpenNotices limit `default:"100000" env:"TRUSTHUB_MAX_OPEN_NOTICES" help:"Callbacks and e-mails still to be sent, retries and those that wait behind another included, with which an account may change the status of its Trust Products. Reviews and expiry go on beyond it. 0: no limit."`
}

func (f quotaFlags) quotas() hub.Quotas {
	return hub.Quotas{Products: int(f.MaxProducts), OpenNotices: int(f.MaxOpenNotices)}
}
