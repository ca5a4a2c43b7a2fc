//! Forwards bytes between a client and a server, and can cut connections silently, as a firewall does.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// A connection to a server that can be cut.
pub struct Wire {
    /// The address for clients.
    pub address: SocketAddr,
    /// Whether each connection is cut.
    cut: Arc<Mutex<Vec<Arc<AtomicBool>>>>,
}

impl Wire {
    /// A wire to this server.
    pub fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, cut) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(Vec::new())));
        let connections = Arc::clone(&cut);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let is_cut = Arc::new(AtomicBool::new(false));
                connections.lock().unwrap().push(Arc::clone(&is_cut));
                let Ok(server) = TcpStream::connect(server) else { continue };
                for (from, to) in [(&client, &server), (&server, &client)] {
                    let (from, to, is_cut) = (from.try_clone().unwrap(), to.try_clone().unwrap(), Arc::clone(&is_cut));
                    thread::spawn(move || copy(from, to, &is_cut));
                }
            }
        });
        Self { address, cut }
    }

    /// Cuts the existing connections; new ones work.
    pub fn cut(&self) {
        let connections = std::mem::take(&mut *self.cut.lock().unwrap());
        assert!(!connections.is_empty());
        for is_cut in connections {
            is_cut.store(true, Ordering::SeqCst);
        }
    }
}

fn copy(mut from: TcpStream, mut to: TcpStream, is_cut: &AtomicBool) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        while is_cut.load(Ordering::SeqCst) {
            thread::park();
        }
        if to.write_all(&buffer[..count]).is_err() {
            return;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Write);
}
