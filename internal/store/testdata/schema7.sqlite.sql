-- A database of schema 7, as the last program before schema 8 made it: products of every status and two accounts, notices
-- in every state with their attempts, one of them leased to a server that was killed, and idempotency keys.
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE goose_db_version (
		id INTEGER PRIMARY KEY AUTOINCREMENT,
		version_id INTEGER NOT NULL,
		is_applied INTEGER NOT NULL,
		tstamp TIMESTAMP DEFAULT (datetime('now'))
	);
INSERT INTO goose_db_version VALUES(1,0,1,'2026-11-21 20:53:00');
INSERT INTO goose_db_version VALUES(2,1,1,'2026-11-21 20:53:00');
INSERT INTO goose_db_version VALUES(3,2,1,'2026-11-21 20:53:00');
INSERT INTO goose_db_version VALUES(4,3,1,'2026-11-21 20:53:00');
INSERT INTO goose_db_version VALUES(5,4,1,'2026-11-21 20:53:00');
INSERT INTO goose_db_version VALUES(6,5,1,'2026-11-21 20:53:00');
INSERT INTO goose_db_version VALUES(7,6,1,'2026-11-21 20:53:00');
INSERT INTO goose_db_version VALUES(8,7,1,'2026-11-21 20:53:00');
CREATE TABLE accounts (
    sid        TEXT   NOT NULL PRIMARY KEY,
    auth_token TEXT   NOT NULL, -- in the clear: it is also the key that signs the account's callbacks
    created_at BIGINT NOT NULL
);
INSERT INTO accounts VALUES('AC00000000000000000000000000000001','firsttoken',1795294380301087);
INSERT INTO accounts VALUES('AC00000000000000000000000000000002','secondtoken',1795294382356859);
CREATE TABLE products (
    sid             TEXT   NOT NULL PRIMARY KEY,
    account_sid     TEXT   NOT NULL,
    policy_sid      TEXT   NOT NULL,
    friendly_name   TEXT   NOT NULL,
    email           TEXT   NOT NULL,
    status_callback TEXT   NOT NULL, -- empty: none
    status          TEXT   NOT NULL,
    valid_until     BIGINT NOT NULL, -- 0: not approved
    errors          TEXT   NOT NULL, -- rejection codes, separated by commas; empty: none
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL
, due_at BIGINT NOT NULL DEFAULT 0);
INSERT INTO products VALUES('BU01a1ffe241106aecdb74cdcb6ecae91d','AC00000000000000000000000000000001','RN7a97559effdf62d00f4298208492a5ea','Draft','legal@acme.example','http://127.0.0.1:17001/ok','draft',0,'',1795294380304417,1795294380304417,0);
INSERT INTO products VALUES('BU01a1ffe24111db1b1e0411d9047cd1fa','AC00000000000000000000000000000001','RNb0d4771c2c98518d916a3d4cd70a8f8b','日本 "quotes", ''apostrophes'' and \','legal@acme.example','','draft',0,'',1795294380305855,1795294380305855,0);
INSERT INTO products VALUES('BU01a1ffe241136bccdc1f3c58324c8955','AC00000000000000000000000000000001','RN7a97559effdf62d00f4298208492a5ea','Approved','legal@acme.example','http://127.0.0.1:17001/ok','twilio-approved',1826830380411303,'',1795294380307421,1795294380411303,1826830380411303);
INSERT INTO products VALUES('BU01a1ffe24117e7135ea5ee2c2590c1ba','AC00000000000000000000000000000001','RN7a97559effdf62d00f4298208492a5ea','Rejected','a+reject-18601-18602@acme.example','http://127.0.0.1:17001/gone','twilio-rejected',0,'18601,18602',1795294380311902,1795294380418380,0);
INSERT INTO products VALUES('BU01a1ffe2411d7cd98ff599152cca19c8','AC00000000000000000000000000000001','RN7a97559effdf62d00f4298208492a5ea','Held','a+hold@acme.example','http://127.0.0.1:17001/busy','in-review',0,'',1795294380317487,1795294380322332,0);
INSERT INTO products VALUES('BU01a1ffe24121c6dc386d3190e817cd7a','AC00000000000000000000000000000001','RN7a97559effdf62d00f4298208492a5ea','Slow','a+hold@acme.example','','in-review',0,'',1795294380321776,1795294380326572,0);
INSERT INTO products VALUES('BU01a1ffe24918b8bb81296154c25f74fa','AC00000000000000000000000000000002','RN7a97559effdf62d00f4298208492a5ea','Pending','legal@other.example','http://127.0.0.1:17001/busy','pending-review',0,'',1795294382360721,1795294382362989,0);
INSERT INTO products VALUES('BU01a1ffe2491d896a586cb1abe3f1b1a2','AC00000000000000000000000000000002','RN7a97559effdf62d00f4298208492a5ea','Decided','legal@other.example','http://127.0.0.1:17001/busy','twilio-approved',1826830383389216,'',1795294382365536,1795294383389216,1826830383389216);
INSERT INTO products VALUES('BU01a1ffe24921830ef3f5914eb7c50135','AC00000000000000000000000000000002','RN7a97559effdf62d00f4298208492a5ea','Draft of another account','an e-mail address this is not','','draft',0,'',1795294382369511,1795294382369511,0);
INSERT INTO products VALUES('BU01a1ffe24d60936e200032f617cf9c77','AC00000000000000000000000000000001','RN7a97559effdf62d00f4298208492a5ea','Being told','legal@acme.example','http://127.0.0.1:17001/slow','pending-review',0,'',1795294383456575,1795294383459884,0);
CREATE TABLE notices (
    id            TEXT   NOT NULL PRIMARY KEY,
    channel       TEXT   NOT NULL, -- callback, email
    target        TEXT   NOT NULL, -- the URL or the address
    endpoint      TEXT   NOT NULL, -- who is contacted: scheme and host of the URL, or "smtp"
    account_sid   TEXT   NOT NULL,
    product_sid   TEXT   NOT NULL,
    friendly_name TEXT   NOT NULL,
    status        TEXT   NOT NULL,
    errors        TEXT   NOT NULL,
    created_at    BIGINT NOT NULL,
    position      BIGINT NOT NULL, -- order among the notices of the product and channel
    state         TEXT   NOT NULL, -- open: waiting, ready, sending; ended: delivered, dead, dropped, not-sent
    tries         BIGINT NOT NULL, -- since it was made or replayed
    due_at        BIGINT NOT NULL, -- ready: when to send it; sending: when the lease ends; else 0
    lease         TEXT   NOT NULL, -- sending: of the worker that may report on it; else empty
    ended_at      BIGINT NOT NULL  -- 0: open
, leased_until BIGINT NOT NULL DEFAULT 0);
INSERT INTO notices VALUES('ND01a1ffe24114fe108e15e2d9296f583e','email','legal@acme.example','smtp','AC00000000000000000000000000000001','BU01a1ffe241136bccdc1f3c58324c8955','Approved','pending-review','',1795294380308992,1,'not-sent',1,0,'',1795294380312648,0);
INSERT INTO notices VALUES('ND01a1ffe24114fe10cd5afd3018feb923','callback','http://127.0.0.1:17001/ok','http://127.0.0.1:17001','AC00000000000000000000000000000001','BU01a1ffe241136bccdc1f3c58324c8955','Approved','pending-review','',1795294380308992,1,'delivered',1,0,'',1795294380316008,0);
INSERT INTO notices VALUES('ND01a1ffe24115e3f1f602b96f75063686','email','legal@acme.example','smtp','AC00000000000000000000000000000001','BU01a1ffe241136bccdc1f3c58324c8955','Approved','in-review','',1795294380309890,2,'not-sent',1,0,'',1795294380319334,0);
INSERT INTO notices VALUES('ND01a1ffe24115e3f1fa094481ae4e1648','callback','http://127.0.0.1:17001/ok','http://127.0.0.1:17001','AC00000000000000000000000000000001','BU01a1ffe241136bccdc1f3c58324c8955','Approved','in-review','',1795294380309890,2,'delivered',1,0,'',1795294380324549,0);
INSERT INTO notices VALUES('ND01a1ffe2411be45b8d20aac4a8f7ca3f','email','a+reject-18601-18602@acme.example','smtp','AC00000000000000000000000000000001','BU01a1ffe24117e7135ea5ee2c2590c1ba','Rejected','pending-review','',1795294380315891,1,'not-sent',1,0,'',1795294380324549,0);
INSERT INTO notices VALUES('ND01a1ffe2411be45bb1e75f4286cb18ec','callback','http://127.0.0.1:17001/gone','http://127.0.0.1:17001','AC00000000000000000000000000000001','BU01a1ffe24117e7135ea5ee2c2590c1ba','Rejected','pending-review','',1795294380315891,1,'dead',1,0,'',1795294380324549,0);
INSERT INTO notices VALUES('ND01a1ffe2411e08463d7bd1a1369f5595','email','a+reject-18601-18602@acme.example','smtp','AC00000000000000000000000000000001','BU01a1ffe24117e7135ea5ee2c2590c1ba','Rejected','in-review','',1795294380318032,2,'not-sent',1,0,'',1795294380330997,0);
INSERT INTO notices VALUES('ND01a1ffe2411e0846797c1ddf1008cf9d','callback','http://127.0.0.1:17001/gone','http://127.0.0.1:17001','AC00000000000000000000000000000001','BU01a1ffe24117e7135ea5ee2c2590c1ba','Rejected','in-review','',1795294380318032,2,'dead',1,0,'',1795294380330997,0);
INSERT INTO notices VALUES('ND01a1ffe2411f568fb545bcdf83c47aaf','email','a+hold@acme.example','smtp','AC00000000000000000000000000000001','BU01a1ffe2411d7cd98ff599152cca19c8','Held','pending-review','',1795294380319338,1,'not-sent',1,0,'',1795294380327851,0);
INSERT INTO notices VALUES('ND01a1ffe2411f568f45ace12132823d31','callback','http://127.0.0.1:17001/busy','http://127.0.0.1:17001','AC00000000000000000000000000000001','BU01a1ffe2411d7cd98ff599152cca19c8','Held','pending-review','',1795294380319338,1,'ready',1,1795294384964631,'',0,0);
INSERT INTO notices VALUES('ND01a1ffe24122553f3af87bd251b1fad5','email','a+hold@acme.example','smtp','AC00000000000000000000000000000001','BU01a1ffe2411d7cd98ff599152cca19c8','Held','in-review','',1795294380322332,2,'not-sent',1,0,'',1795294380330997,0);
INSERT INTO notices VALUES('ND01a1ffe24122553f37c91b6ccb03a243','callback','http://127.0.0.1:17001/busy','http://127.0.0.1:17001','AC00000000000000000000000000000001','BU01a1ffe2411d7cd98ff599152cca19c8','Held','in-review','',1795294380322332,2,'waiting',0,0,'',0,0);
INSERT INTO notices VALUES('ND01a1ffe2412426b5a1212a8e7087796a','email','a+hold@acme.example','smtp','AC00000000000000000000000000000001','BU01a1ffe24121c6dc386d3190e817cd7a','Slow','pending-review','',1795294380324151,1,'not-sent',1,0,'',1795294380330997,0);
INSERT INTO notices VALUES('ND01a1ffe24126929bc4cab839cffbda71','email','a+hold@acme.example','smtp','AC00000000000000000000000000000001','BU01a1ffe24121c6dc386d3190e817cd7a','Slow','in-review','',1795294380326572,2,'not-sent',1,0,'',1795294380333063,0);
INSERT INTO notices VALUES('ND01a1ffe2417b4da0216ec8e4f14a85cf','email','legal@acme.example','smtp','AC00000000000000000000000000000001','BU01a1ffe241136bccdc1f3c58324c8955','Approved','twilio-approved','',1795294380411303,3,'not-sent',1,0,'',1795294380413215,0);
INSERT INTO notices VALUES('ND01a1ffe2417b4da09de7f56ccb85a321','callback','http://127.0.0.1:17001/ok','http://127.0.0.1:17001','AC00000000000000000000000000000001','BU01a1ffe241136bccdc1f3c58324c8955','Approved','twilio-approved','',1795294380411303,3,'delivered',1,0,'',1795294380414337,0);
INSERT INTO notices VALUES('ND01a1ffe241826169929e524960f1aeab','email','a+reject-18601-18602@acme.example','smtp','AC00000000000000000000000000000001','BU01a1ffe24117e7135ea5ee2c2590c1ba','Rejected','twilio-rejected','18601,18602',1795294380418380,3,'not-sent',1,0,'',1795294380419923,0);
INSERT INTO notices VALUES('ND01a1ffe241826169eeffcc5596ed4b96','callback','http://127.0.0.1:17001/gone','http://127.0.0.1:17001','AC00000000000000000000000000000001','BU01a1ffe24117e7135ea5ee2c2590c1ba','Rejected','twilio-rejected','18601,18602',1795294380418380,3,'dead',1,0,'',1795294380420911,0);
INSERT INTO notices VALUES('ND01a1ffe2491afd6108337274fe232e4f','email','legal@other.example','smtp','AC00000000000000000000000000000002','BU01a1ffe24918b8bb81296154c25f74fa','Pending','pending-review','',1795294382362989,1,'not-sent',1,0,'',1795294382366333,0);
INSERT INTO notices VALUES('ND01a1ffe2491afd618c276ac2db6cb69b','callback','http://127.0.0.1:17001/busy','http://127.0.0.1:17001','AC00000000000000000000000000000002','BU01a1ffe24918b8bb81296154c25f74fa','Pending','pending-review','',1795294382362989,1,'ready',1,1795294387649167,'',0,0);
INSERT INTO notices VALUES('ND01a1ffe2491fcce296172a526d9e62fe','email','legal@other.example','smtp','AC00000000000000000000000000000002','BU01a1ffe2491d896a586cb1abe3f1b1a2','Decided','pending-review','',1795294382367800,1,'not-sent',1,0,'',1795294382369971,0);
INSERT INTO notices VALUES('ND01a1ffe2491fcce2f253b2e5fcbf8d9c','callback','http://127.0.0.1:17001/busy','http://127.0.0.1:17001','AC00000000000000000000000000000002','BU01a1ffe2491d896a586cb1abe3f1b1a2','Decided','pending-review','',1795294382367800,1,'dropped',0,0,'',1795294383426978,0);
INSERT INTO notices VALUES('ND01a1ffe24d1d378bb282b84af3240920','email','legal@other.example','smtp','AC00000000000000000000000000000002','BU01a1ffe2491d896a586cb1abe3f1b1a2','Decided','in-review','',1795294383389216,2,'not-sent',1,0,'',1795294383457982,0);
INSERT INTO notices VALUES('ND01a1ffe24d1d378bac9d7931a3d98fa3','callback','http://127.0.0.1:17001/busy','http://127.0.0.1:17001','AC00000000000000000000000000000002','BU01a1ffe2491d896a586cb1abe3f1b1a2','Decided','in-review','',1795294383389216,2,'ready',1,1795294388510384,'',0,0);
INSERT INTO notices VALUES('ND01a1ffe24d1d378c6bd61008138e5cc9','email','legal@other.example','smtp','AC00000000000000000000000000000002','BU01a1ffe2491d896a586cb1abe3f1b1a2','Decided','twilio-approved','',1795294383389216,3,'not-sent',1,0,'',1795294383460307,0);
INSERT INTO notices VALUES('ND01a1ffe24d1d378c3d4b600f86f9c097','callback','http://127.0.0.1:17001/busy','http://127.0.0.1:17001','AC00000000000000000000000000000002','BU01a1ffe2491d896a586cb1abe3f1b1a2','Decided','twilio-approved','',1795294383389216,3,'waiting',0,0,'',0,0);
INSERT INTO notices VALUES('ND01a1ffe24d63e25fe5a1eae31e47b754','email','legal@acme.example','smtp','AC00000000000000000000000000000001','BU01a1ffe24d60936e200032f617cf9c77','Being told','pending-review','',1795294383459884,1,'not-sent',1,0,'',1795294383462072,0);
INSERT INTO notices VALUES('ND01a1ffe24d63e25f763a89d0593a7791','callback','http://127.0.0.1:17001/slow','http://127.0.0.1:17001','AC00000000000000000000000000000001','BU01a1ffe24d60936e200032f617cf9c77','Being told','pending-review','',1795294383459884,1,'sending',0,0,'dea5baa132ed6d15a0f4992fba0a7cb6',0,1795294413461000);
CREATE TABLE attempts (
    notice_id   TEXT   NOT NULL,
    number      BIGINT NOT NULL, -- from 1
    started_at  BIGINT NOT NULL,
    duration    BIGINT NOT NULL, -- microseconds
    verdict     TEXT   NOT NULL,
    status_code BIGINT NOT NULL,
    answer      TEXT   NOT NULL,
    error       TEXT   NOT NULL,
    PRIMARY KEY (notice_id, number)
);
INSERT INTO attempts VALUES('ND01a1ffe24114fe108e15e2d9296f583e',1,1795294380312571,0,'not-sent',0,'','mail is off: the server was started without --smtp');
INSERT INTO attempts VALUES('ND01a1ffe24114fe10cd5afd3018feb923',1,1795294380312473,2749,'delivered',200,'','');
INSERT INTO attempts VALUES('ND01a1ffe24115e3f1f602b96f75063686',1,1795294380316167,0,'not-sent',0,'','mail is off: the server was started without --smtp');
INSERT INTO attempts VALUES('ND01a1ffe24115e3f1fa094481ae4e1648',1,1795294380322014,1924,'delivered',200,'','');
INSERT INTO attempts VALUES('ND01a1ffe2411be45b8d20aac4a8f7ca3f',1,1795294380322260,0,'not-sent',0,'','mail is off: the server was started without --smtp');
INSERT INTO attempts VALUES('ND01a1ffe2411be45bb1e75f4286cb18ec',1,1795294380322190,2286,'refused',410,'','the receiver answered 410 Gone, which ends the delivery');
INSERT INTO attempts VALUES('ND01a1ffe2411f568fb545bcdf83c47aaf',1,1795294380326708,0,'not-sent',0,'','mail is off: the server was started without --smtp');
INSERT INTO attempts VALUES('ND01a1ffe2411f568f45ace12132823d31',1,1795294380326402,1210,'try-again',503,'','the receiver answered 503 Service Unavailable');
INSERT INTO attempts VALUES('ND01a1ffe2411e08463d7bd1a1369f5595',1,1795294380329617,0,'not-sent',0,'','mail is off: the server was started without --smtp');
INSERT INTO attempts VALUES('ND01a1ffe2411e0846797c1ddf1008cf9d',1,1795294380329416,1250,'refused',410,'','the receiver answered 410 Gone, which ends the delivery');
INSERT INTO attempts VALUES('ND01a1ffe24122553f3af87bd251b1fad5',1,1795294380330904,0,'not-sent',0,'','mail is off: the server was started without --smtp');
INSERT INTO attempts VALUES('ND01a1ffe2412426b5a1212a8e7087796a',1,1795294380329623,0,'not-sent',0,'','mail is off: the server was started without --smtp');
INSERT INTO attempts VALUES('ND01a1ffe24126929bc4cab839cffbda71',1,1795294380332850,0,'not-sent',0,'','mail is off: the server was started without --smtp');
INSERT INTO attempts VALUES('ND01a1ffe2417b4da0216ec8e4f14a85cf',1,1795294380413164,0,'not-sent',0,'','mail is off: the server was started without --smtp');
INSERT INTO attempts VALUES('ND01a1ffe2417b4da09de7f56ccb85a321',1,1795294380412992,1214,'delivered',200,'','');
INSERT INTO attempts VALUES('ND01a1ffe241826169929e524960f1aeab',1,1795294380419874,0,'not-sent',0,'','mail is off: the server was started without --smtp');
INSERT INTO attempts VALUES('ND01a1ffe241826169eeffcc5596ed4b96',1,1795294380419745,1118,'refused',410,'','the receiver answered 410 Gone, which ends the delivery');
INSERT INTO attempts VALUES('ND01a1ffe2491afd6108337274fe232e4f',1,1795294382366260,0,'not-sent',0,'','mail is off: the server was started without --smtp');
INSERT INTO attempts VALUES('ND01a1ffe2491afd618c276ac2db6cb69b',1,1795294382366056,2424,'try-again',503,'','the receiver answered 503 Service Unavailable');
INSERT INTO attempts VALUES('ND01a1ffe2491fcce296172a526d9e62fe',1,1795294382369709,0,'not-sent',0,'','mail is off: the server was started without --smtp');
INSERT INTO attempts VALUES('ND01a1ffe2491fcce2f253b2e5fcbf8d9c',1,1795294382369566,1354,'try-again',503,'','the receiver answered 503 Service Unavailable');
INSERT INTO attempts VALUES('ND01a1ffe24d1d378bb282b84af3240920',1,1795294383456955,0,'not-sent',0,'','mail is off: the server was started without --smtp');
INSERT INTO attempts VALUES('ND01a1ffe24d1d378bac9d7931a3d98fa3',1,1795294383456976,1384,'try-again',503,'','the receiver answered 503 Service Unavailable');
INSERT INTO attempts VALUES('ND01a1ffe24d1d378c6bd61008138e5cc9',1,1795294383460096,0,'not-sent',0,'','mail is off: the server was started without --smtp');
INSERT INTO attempts VALUES('ND01a1ffe24d63e25fe5a1eae31e47b754',1,1795294383461969,0,'not-sent',0,'','mail is off: the server was started without --smtp');
CREATE TABLE idempotency_keys (
    account_sid     TEXT   NOT NULL,
    idempotency_key TEXT   NOT NULL,
    fingerprint     TEXT   NOT NULL, -- of the request's body
    product         TEXT   NOT NULL, -- as it was created, in JSON
    created_at      BIGINT NOT NULL,
    PRIMARY KEY (account_sid, idempotency_key)
);
INSERT INTO idempotency_keys VALUES('AC00000000000000000000000000000001','with-a-key','f3f7f546a08f9b33febc4ccd126f80c4c0e3980ad19175debed6287ec9c5c3ca','{"SID":"BU01a1ffe24111db1b1e0411d9047cd1fa","AccountSID":"AC00000000000000000000000000000001","PolicySID":"RNb0d4771c2c98518d916a3d4cd70a8f8b","FriendlyName":"日本 \"quotes\", ''apostrophes'' and \\","Email":"legal@acme.example","StatusCallback":"","Status":"draft","ValidUntil":"0001-01-01T00:00:00Z","Errors":null,"Created":"2026-11-21T20:53:00.305855881Z","Updated":"2026-11-21T20:53:00.305855881Z","Due":"0001-01-01T00:00:00Z"}',1795294380305855);
INSERT INTO idempotency_keys VALUES('AC00000000000000000000000000000001','another-key','42f56c67b655315f29758bf6a3f89c6186c0797095c95e567a28e9493d370647','{"SID":"BU01a1ffe241136bccdc1f3c58324c8955","AccountSID":"AC00000000000000000000000000000001","PolicySID":"RN7a97559effdf62d00f4298208492a5ea","FriendlyName":"Approved","Email":"legal@acme.example","StatusCallback":"http://127.0.0.1:17001/ok","Status":"draft","ValidUntil":"0001-01-01T00:00:00Z","Errors":null,"Created":"2026-11-21T20:53:00.307421088Z","Updated":"2026-11-21T20:53:00.307421088Z","Due":"0001-01-01T00:00:00Z"}',1795294380307421);
INSERT INTO idempotency_keys VALUES('AC00000000000000000000000000000002','with-a-key','99484adf7fcdc8613bb4bbf0510a9bd12d784888e90631de997976cbd8cf48aa','{"SID":"BU01a1ffe24918b8bb81296154c25f74fa","AccountSID":"AC00000000000000000000000000000002","PolicySID":"RN7a97559effdf62d00f4298208492a5ea","FriendlyName":"Pending","Email":"legal@other.example","StatusCallback":"http://127.0.0.1:17001/busy","Status":"draft","ValidUntil":"0001-01-01T00:00:00Z","Errors":null,"Created":"2026-11-21T20:53:02.360721604Z","Updated":"2026-11-21T20:53:02.360721604Z","Due":"0001-01-01T00:00:00Z"}',1795294382360721);
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES('goose_db_version',8);
CREATE INDEX products_due ON products (due_at) WHERE due_at > 0;
CREATE UNIQUE INDEX notices_order ON notices (product_sid, channel, position);
CREATE INDEX notices_ended ON notices (ended_at) WHERE ended_at > 0;
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);
CREATE INDEX products_of_account ON products (account_sid, sid);
CREATE INDEX products_by_status ON products (account_sid, status, sid);
CREATE INDEX notices_leased ON notices (leased_until) WHERE leased_until > 0;
CREATE INDEX products_in_review ON products (sid) WHERE due_at > 0 AND status IN ('pending-review', 'in-review');
CREATE INDEX notices_due ON notices (due_at) WHERE due_at > 0;
CREATE INDEX notices_of_account ON notices (account_sid, channel, due_at) WHERE due_at > 0;
CREATE INDEX notices_queues ON notices (account_sid, channel, endpoint, due_at) WHERE due_at > 0;
CREATE INDEX notices_open ON notices (account_sid) WHERE ended_at = 0;
COMMIT;
