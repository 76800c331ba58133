-- +goose Up

-- Gives each account that has none its Primary Customer Profile, which is approved and never expires. Its SID is the account's
-- with another prefix, its policy is trust.PrimaryPolicySID. The store runs this statement again, see addPrimaries.
INSERT INTO bundles (
    sid, kind, account_sid, policy_sid, friendly_name, email, status_callback, status, valid_until, errors, created_at, updated_at
)
SELECT 'BU' || SUBSTR(a.sid, 3), 'customer-profile', a.sid, 'RN6433641899984f951173ef1738c3bdd0', 'Primary Customer Profile',
    '', '', 'twilio-approved', 0, '', a.created_at, a.created_at
FROM accounts a LEFT JOIN bundles b ON b.sid = 'BU' || SUBSTR(a.sid, 3)
WHERE b.sid IS NULL
ORDER BY a.sid
ON CONFLICT (sid) DO NOTHING;
