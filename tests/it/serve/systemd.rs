//! What the service manager hears at its socket.

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use super::service::Service;
use super::sites;

#[test]
fn the_service_manager_hears_when_it_is_ready_alive_reloading_and_stopping() {
    let site = sites().site();
    let path = site.dir.join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let heard = |words: &str| {
        let mut bytes = [0; 4096];
        loop {
            let n = socket.recv(&mut bytes).unwrap_or_else(|e| panic!("{words} was never heard: {e}"));
            let text = String::from_utf8_lossy(&bytes[..n]);
            if text.lines().any(|line| line == words) {
                return;
            }
        }
    };
    let mut service = Service::start_with(&site, |command| {
        command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "2000000").env_remove("WATCHDOG_PID");
    });
    heard("READY=1");
    heard("WATCHDOG=1");
    service.hear("listening");
    service.signal("HUP");
    heard("RELOADING=1");
    heard("READY=1");
    heard("WATCHDOG=1");
    service.signal("TERM");
    heard("STOPPING=1");
    assert_eq!(service.end().code(), Some(0), "{}", service.log());
}
