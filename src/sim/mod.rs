//! A world that fits in memory: one seeded model of Apple's services, an MDM server, mailboxes, devices and people.
//! It knows ports and domain, and never looks at the engine it is there to test.
