package main

import "github.com/opentrusthub/trusthub/internal/app"

// quotaFlags limit what an account may store, so that none can fill the database that all share.
type quotaFlags struct {
	MaxObjects     limit `default:"1000000" env:"TRUSTHUB_MAX_OBJECTS" help:"Maximum number of objects of each kind (Trust Products, Customer Profiles, end users, supporting documents, channel endpoints) of an account; further creates are refused. Servers count at intervals, so that each may exceed it by 0.2 percent. 0 means no limit."`
	MaxOpenNotices limit `default:"100000" env:"TRUSTHUB_MAX_OPEN_NOTICES" help:"Maximum number of callbacks and e-mails of an account that have not been delivered or given up. An account that has more cannot submit anything; reviews and expiry go on. 0 means no limit."`
}

func (f quotaFlags) quotas() app.Quotas {
	return app.Quotas{Objects: int(f.MaxObjects), OpenNotices: int(f.MaxOpenNotices)}
}
