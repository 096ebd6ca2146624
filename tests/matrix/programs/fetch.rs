// SPDX-License-Identifier: MIT
// fetch HOST PORT TARGET: std::net, the body on stdout
use std::io::{Read, Write};

fn main() {
    let a: Vec<String> = std::env::args().collect();
    let mut s = std::net::TcpStream::connect(format!("{}:{}", a[1], a[2])).unwrap();
    let mut all = Vec::new();
    write!(s, "GET {} HTTP/1.0\r\nHost: {}:{}\r\n\r\n", a[3], a[1], a[2]).unwrap();
    s.read_to_end(&mut all).unwrap();
    let end = all.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
    assert!(&all[8..12] == b" 200");
    std::io::stdout().write_all(&all[end + 4..]).unwrap();
}
