package main

import "github.com/opentrusthub/trusthub/internal/app"

// quotaFlags bound what each account may have, so that none can fill the database of all.
type quotaFlags struct {
	MaxProducts    limit `default:"1000000" env:"TRUSTHUB_MAX_PRODUCTS" help:"Trust Products that an account may have; creates beyond them are refused. Each server may exceed it by two thousandths, because it counts only now and then. 0: no limit."`
	MaxOpenNotices limit `default:"100000" env:"TRUSTHUB_MAX_OPEN_NOTICES" help:"Callbacks and e-mails of an account that may be open: to be sent, to be tried again, or behind another. While there are more, it can submit nothing; reviews and expiry go on. 0: no limit."`
}

func (f quotaFlags) quotas() app.Quotas {
	return app.Quotas{Products: int(f.MaxProducts), OpenNotices: int(f.MaxOpenNotices)}
}
