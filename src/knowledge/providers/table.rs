//! Who runs which domains and which mail servers: plain data, to be read and added to.

/// What one provider is known by.
pub(super) struct Row {
    /// What an administrator calls it: its best known domain, or a word without a dot where it has none.
    pub(super) label: &'static str,
    /// Domains of its own customers' addresses, with all below them. They decide before any relay does.
    pub(super) domains: &'static str,
    /// Its mail servers, by the end of their names. They decide for everybody else's domains.
    pub(super) hosts: &'static str,
}

const fn row(label: &'static str, domains: &'static str, hosts: &'static str) -> Row {
    Row {
        label,
        domains,
        hosts,
    }
}

/// Servers that take mail for the whole world: they tell nothing of the recipient. (So does any on a
/// submission port.) `amazonaws.com` is here for `email-smtp.REGION`; what takes mail in is in its row.
pub(super) const SMARTHOSTS: &str = "\
    smtp-relay.gmail.com smtp-relay.google.com smtp.gmail.com smtp.office365.com \
    smtp-mail.outlook.com amazonaws.com sendgrid.net smtp.mailgun.org smtp.eu.mailgun.org mandrillapp.com \
    smtp.postmarkapp.com sparkpostmail.com mailjet.com smtp-relay.brevo.com smtp-relay.sendinblue.com \
    smtp2go.com mailchannels.net socketlabs.com authsmtp.com elasticemail.com smtp.com turbo-smtp.com \
    smtp.comcast.net smtp.ionos.com smtp.ionos.de smtp.1und1.de smtp.strato.de smtp.ovh.net ssl0.ovh.net \
    smtp.gmx.net mail.gmx.net smtp.web.de smtp.zoho.com smtp.zoho.eu smtp.fastmail.com smtp.free.fr \
    smtp.orange.fr smtp.t-online.de securesmtp.t-online.de smtpout.secureserver.net \
    relay-hosting.secureserver.net secure.emailsrvr.com smtp.emailsrvr.com smtp.yandex.ru smtp.yandex.com \
    smtp.mail.ru smtp.mail.yahoo.com smtp.mail.me.com outbound.mailhop.org";

#[rustfmt::skip]
pub(super) const PROVIDERS: &[Row] = &[
    // The largest. Their own domains and the domains of companies at the same place are throttled apart.
    row("gmail.com", "gmail.com googlemail.com", "gmail-smtp-in.l.google.com gmail-smtp-in.l.googlemail.com"),
    row("google-workspace", "", "google.com googlemail.com smtp.goog"),
    row("outlook.com",
        "outlook.com hotmail.com live.com msn.com passport.com windowslive.com webtv.net \
         hotmail.at hotmail.be hotmail.ca hotmail.ch hotmail.cl hotmail.co.il hotmail.co.jp hotmail.co.kr \
         hotmail.co.nz hotmail.co.th hotmail.co.uk hotmail.co.za hotmail.com.ar hotmail.com.au hotmail.com.br \
         hotmail.com.hk hotmail.com.mx hotmail.com.tr hotmail.com.tw hotmail.cz hotmail.de hotmail.dk hotmail.es \
         hotmail.fi hotmail.fr hotmail.gr hotmail.hu hotmail.ie hotmail.it hotmail.my hotmail.nl hotmail.no \
         hotmail.ph hotmail.pt hotmail.ro hotmail.se hotmail.sg hotmail.sk \
         live.at live.be live.ca live.cl live.cn live.co.kr live.co.uk live.co.za live.com.ar live.com.au \
         live.com.mx live.com.my live.com.ph live.com.pt live.com.sg live.de live.dk live.fi live.fr live.hk \
         live.ie live.in live.it live.jp live.nl live.no live.ru live.se livemail.tw \
         outlook.at outlook.be outlook.cl outlook.co.id outlook.co.il outlook.co.nz outlook.co.th outlook.com.ar \
         outlook.com.au outlook.com.br outlook.com.gr outlook.com.tr outlook.com.vn outlook.cz outlook.de \
         outlook.dk outlook.es outlook.fr outlook.hu outlook.ie outlook.in outlook.it outlook.jp outlook.kr \
         outlook.lv outlook.my outlook.ph outlook.pt outlook.sa outlook.sg outlook.sk",
        "olc.protection.outlook.com hotmail.com"),
    row("microsoft365", "onmicrosoft.com",
        "mail.protection.outlook.com mail.protection.partner.outlook.cn mail.protection.office365.us \
         mx.microsoft mail.eo.outlook.com messaging.microsoft.com"),
    row("yahoo.com",
        "yahoo.com ymail.com rocketmail.com myyahoo.com yahoo.at yahoo.be yahoo.ca yahoo.cl yahoo.co.id \
         yahoo.co.in yahoo.co.kr yahoo.co.nz yahoo.co.th yahoo.co.uk yahoo.co.za yahoo.com.ar yahoo.com.au \
         yahoo.com.br yahoo.com.cn yahoo.com.co yahoo.com.hk yahoo.com.mx yahoo.com.my yahoo.com.pe yahoo.com.ph \
         yahoo.com.sg yahoo.com.tr yahoo.com.tw yahoo.com.ua yahoo.com.ve yahoo.com.vn yahoo.cz yahoo.de yahoo.dk \
         yahoo.es yahoo.fi yahoo.fr yahoo.gr yahoo.hu yahoo.ie yahoo.in yahoo.it yahoo.nl yahoo.no yahoo.pl \
         yahoo.pt yahoo.ro yahoo.se",
        "yahoodns.net mail.yahoo.com"),
    row("aol.com", "aol.com aim.com aol.co.uk aol.de aol.fr netscape.net love.com games.com wow.com",
        "mx-aol.mail.gm0.yahoodns.net mx.aol.com"),
    row("verizon.net", "verizon.net", "mx-vzw.mail.gm0.yahoodns.net"),
    row("icloud.com", "icloud.com me.com mac.com privaterelay.appleid.com", "mail.icloud.com"),

    // Mailbox providers for everybody.
    row("proton.me", "proton.me protonmail.com protonmail.ch pm.me", "protonmail.ch"),
    row("fastmail.com", "fastmail.com fastmail.fm fastmail.net messagingengine.com sent.com", "messagingengine.com"),
    row("zoho.com", "zoho.com zohomail.com zohomail.eu zoho.eu zoho.in zohomail.in", "zoho.com zoho.eu zoho.in zoho.com.au zoho.jp"),
    row("tutanota.com", "tutanota.com tutanota.de tutamail.com tuta.io tuta.com keemail.me", "tutanota.de tutanota.com"),
    row("mail.com", "mail.com email.com usa.com post.com consultant.com engineer.com europe.com", "mx00.mail.com mx01.mail.com"),
    row("hushmail.com", "hushmail.com hush.com", "hushmail.com"),
    row("yandex.ru", "yandex.ru yandex.com yandex.by yandex.kz yandex.ua ya.ru narod.ru", "mx.yandex.net mx.yandex.ru"),
    row("mail.ru", "mail.ru bk.ru inbox.ru list.ru internet.ru vk.com", "mail.ru"),
    row("rambler.ru", "rambler.ru lenta.ru autorambler.ru myrambler.ru ro.ru", "rambler.ru"),
    row("ukr.net", "ukr.net", "ukr.net"),
    row("gmx.net", "gmx.net gmx.de gmx.at gmx.ch gmx.com gmx.eu gmx.org gmx.us gmx.co.uk gmx.fr gmx.es gmx.info gmx.biz", "gmx.net gmx.com"),
    row("web.de", "web.de", "web.de"),
    row("freenet.de", "freenet.de 01019freenet.de", "freenet.de"),
    row("mailbox.org", "mailbox.org", "mailbox.org"),
    row("posteo.de", "posteo.de posteo.net posteo.at posteo.ch posteo.eu posteo.org", "posteo.de"),
    row("laposte.net", "laposte.net", "laposte.net"),
    row("libero.it", "libero.it inwind.it iol.it blu.it giallo.it", "libero.it"),
    row("virgilio.it", "virgilio.it", "virgilio.it"),
    row("tiscali.it", "tiscali.it tiscalinet.it", "tiscali.it"),
    row("tim.it", "tim.it alice.it tin.it telecomitalia.it", "tim.it alice.it"),
    row("aruba.it", "", "aruba.it"),
    row("seznam.cz", "seznam.cz email.cz post.cz spoluzaci.cz", "seznam.cz"),
    row("centrum.cz", "centrum.cz atlas.cz centrum.sk", "centrum.cz"),
    row("wp.pl", "wp.pl o2.pl tlen.pl go2.pl", "wp.pl o2.pl"),
    row("onet.pl", "onet.pl op.pl poczta.onet.pl vp.pl onet.eu", "onet.pl"),
    row("interia.pl", "interia.pl interia.eu poczta.fm", "interia.pl"),
    row("freemail.hu", "freemail.hu", "freemail.hu"),
    row("citromail.hu", "citromail.hu", "citromail.hu"),
    row("abv.bg", "abv.bg gyuvetch.bg", "abv.bg"),
    row("uol.com.br", "uol.com.br bol.com.br", "uol.com.br"),
    row("terra.com.br", "terra.com.br", "terra.com.br terra.com"),
    row("qq.com", "qq.com foxmail.com", "qq.com"),
    row("163.com", "163.com 126.com yeah.net 188.com", "netease.com 163.com 126.com"),
    row("sina.com", "sina.com sina.cn", "sina.com.cn sina.com"),
    row("sohu.com", "sohu.com", "sohu.com"),
    row("aliyun.com", "aliyun.com", "mxhichina.com aliyun.com"),
    row("naver.com", "naver.com", "naver.com"),
    row("daum.net", "daum.net hanmail.net kakao.com", "daum.net hanmail.net"),
    row("yahoo.co.jp", "yahoo.co.jp ymail.ne.jp ybb.ne.jp", "yahoo.co.jp"),
    row("docomo.ne.jp", "docomo.ne.jp", "docomo.ne.jp"),
    row("rediffmail.com", "rediffmail.com", "rediffmail.com rediffmailpro.com"),

    // Access providers and their customers' mailboxes.
    row("comcast.net", "comcast.net xfinity.com", "comcast.net"),
    row("charter.net", "charter.net spectrum.net rr.com roadrunner.com twc.com brighthouse.com bresnan.net", "charter.net rr.com"),
    row("cox.net", "cox.net", "cox.net cxr.mx.a.cloudfilter.net"),
    row("att.net", "att.net sbcglobal.net bellsouth.net pacbell.net ameritech.net swbell.net prodigy.net flash.net",
        "prodigy.net att.net"),
    row("centurylink.net", "centurylink.net q.com embarqmail.com", "centurylink.net"),
    row("earthlink.net", "earthlink.net mindspring.com", "earthlink.net earthlink-vadesecure.net"),
    row("frontier.com", "frontier.com frontiernet.net", "frontier.com"),
    row("windstream.net", "windstream.net", "windstream.net"),
    row("optonline.net", "optonline.net optimum.net", "optonline.net"),
    row("juno.com", "juno.com netzero.net netzero.com", "untd.com"),
    row("rogers.com", "rogers.com", "mx-rogers.mail.am0.yahoodns.net"),
    row("bell.net", "bell.net sympatico.ca", "bell.net"),
    row("shaw.ca", "shaw.ca shawcable.net", "shaw.ca"),
    row("telus.net", "telus.net", "telus.net"),
    row("videotron.ca", "videotron.ca", "videotron.ca"),
    row("btinternet.com", "btinternet.com btopenworld.com talk21.com", "bt.com btinternet.com"),
    row("sky.com", "sky.com", "mx-bskyb.mail.am0.yahoodns.net"),
    row("virginmedia.com", "virginmedia.com ntlworld.com blueyonder.co.uk virgin.net", "virginmedia.com"),
    row("talktalk.net", "talktalk.net tiscali.co.uk", "talktalk.net"),
    row("t-online.de", "t-online.de magenta.de", "t-online.de"),
    row("vodafone.de", "vodafone.de vodafonemail.de arcor.de kabelmail.de", "vodafonemail.de arcor.de"),
    row("orange.fr", "orange.fr wanadoo.fr", "orange.fr wanadoo.fr"),
    row("free.fr", "free.fr aliceadsl.fr", "free.fr"),
    row("sfr.fr", "sfr.fr neuf.fr cegetel.net club-internet.fr 9online.fr", "sfr.fr"),
    row("bbox.fr", "bbox.fr", "bbox.fr"),
    row("bluewin.ch", "bluewin.ch", "bluewin.ch"),
    row("a1.net", "a1.net aon.at", "a1.net aon.at"),
    row("telenet.be", "telenet.be", "telenet-ops.be telenet.be"),
    row("skynet.be", "skynet.be proximus.be", "skynet.be proximus.be"),
    row("ziggo.nl", "ziggo.nl home.nl chello.nl upcmail.nl", "ziggo.nl"),
    row("kpnmail.nl", "kpnmail.nl planet.nl hetnet.nl kpnplanet.nl", "kpnmail.nl"),
    row("xs4all.nl", "xs4all.nl", "xs4all.nl"),
    row("telia.com", "telia.com", "telia.com"),
    row("telenor.no", "online.no telenor.no", "telenor.net online.no"),
    row("telefonica.net", "telefonica.net movistar.es", "telefonica.net"),
    row("sapo.pt", "sapo.pt", "sapo.pt"),
    row("otenet.gr", "otenet.gr", "otenet.gr"),
    row("bigpond.com", "bigpond.com bigpond.net.au telstra.com", "bigpond.com"),
    row("optusnet.com.au", "optusnet.com.au", "optusnet.com.au"),
    row("xtra.co.nz", "xtra.co.nz", "xtra.co.nz"),
    row("telkomsa.net", "telkomsa.net", "telkomsa.net"),

    // Hosts of other people's domains.
    row("ionos.com", "", "kundenserver.de ionos.de ionos.com ionos.co.uk ionos.fr ionos.es ionos.it 1and1.com 1and1.co.uk \
                          1and1.fr 1and1.es 1and1.it perfora.net schlund.de"),
    row("strato.de", "", "rzone.de strato.de"),
    row("hetzner.com", "", "your-server.de"),
    row("one.com", "", "one.com"),
    row("ovh.net", "", "ovh.net"),
    row("gandi.net", "", "gandi.net"),
    row("infomaniak.com", "infomaniak.com ik.me", "infomaniak.ch infomaniak.com"),
    row("hostpoint.ch", "", "hostpoint.ch"),
    row("loopia.se", "", "loopia.se"),
    row("godaddy.com", "", "secureserver.net"),
    row("rackspace.com", "", "emailsrvr.com"),
    row("namecheap.com", "", "privateemail.com registrar-servers.com"),
    row("hostinger.com", "", "hostinger.com titan.email"),
    row("bluehost.com", "", "bluehost.com"),
    row("dreamhost.com", "", "dreamhost.com"),
    row("siteground.com", "", "sgvps.net mailspamprotection.com"),
    row("home.pl", "", "home.pl"),
    row("locaweb.com.br", "", "locaweb.com.br"),
    row("migadu.com", "", "migadu.com"),
    row("amazonaws.com", "awsapps.com",
        "inbound-smtp.us-east-1.amazonaws.com inbound-smtp.us-east-2.amazonaws.com inbound-smtp.us-west-2.amazonaws.com \
         inbound-smtp.ca-central-1.amazonaws.com inbound-smtp.eu-west-1.amazonaws.com inbound-smtp.eu-west-2.amazonaws.com \
         inbound-smtp.eu-central-1.amazonaws.com inbound-smtp.ap-southeast-1.amazonaws.com \
         inbound-smtp.ap-southeast-2.amazonaws.com inbound-smtp.ap-northeast-1.amazonaws.com"),
    row("cloudflare.net", "", "mx.cloudflare.net"),
    row("mailgun.org", "", "mxa.mailgun.org mxb.mailgun.org mxa.eu.mailgun.org mxb.eu.mailgun.org"),
    row("improvmx.com", "", "improvmx.com"),

    // Filters in front of other people's servers. The filter accepts, defers or refuses.
    row("proofpoint.com", "", "pphosted.com ppe-hosted.com gpphosted.com"),
    row("mimecast.com", "", "mimecast.com mimecast.co.za mimecast-offshore.com"),
    row("barracudanetworks.com", "", "barracudanetworks.com barracuda.com cudasvc.com"),
    row("iphmx.com", "", "iphmx.com"),
    row("messagelabs.com", "", "messagelabs.com"),
    row("trendmicro.com", "", "trendmicro.com trendmicro.eu trendmicro.com.au trendmicro.co.jp"),
    row("hornetsecurity.com", "", "hornetsecurity.com antispameurope.com hornetdmarc.com"),
    row("antispamcloud.com", "", "antispamcloud.com spamexperts.com spamexperts.eu spamexperts.net"),
    row("mailcontrol.com", "", "mailcontrol.com"),
    row("sophos.com", "", "sophos.com reflexion.net"),
    row("vadesecure.com", "", "vadesecure.com"),
    row("cloudfilter.net", "", "cloudfilter.net"),
    row("retarus.com", "", "retarus.com retarus.de"),
    row("fireeyecloud.com", "", "fireeyecloud.com"),
    row("nospamproxy.com", "", "cloud.nospamproxy.com"),
];
