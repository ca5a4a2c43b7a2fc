//! Measures the seconds that COUNT seals for a certificate take on all cores, without documents and files.

use std::error::Error;
use std::io::Write;
use std::time::Instant;

use jiff::Timestamp;
use rayon::prelude::*;
use regcred::internals::certificate::{self, Recipient};
use regcred::internals::seal;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(certificate), Some(count)) = (arguments.next(), arguments.next()) else {
        return Err("usage: seal CERTIFICATE COUNT".into());
    };
    let count: usize = count.parse()?;
    let pem = std::fs::read(certificate)?;
    let Recipient { key, .. } =
        certificate::choose(&pem, "the certificate", Timestamp::now()).map_err(|problem| problem.message)?;
    let text = [b'x'; 150];
    let start = Instant::now();
    let sealed = (0..count).into_par_iter().map(|number| {
        let label = format!("team-{number:06}/image-pull-secret");
        seal(&key, label.as_bytes(), &text).map(|sealed| sealed.len())
    });
    let bytes = sealed.try_reduce(|| 0, |one, other| Ok(one + other)).map_err(|_| "sealing failed")?;
    let seconds = start.elapsed().as_secs_f64();
    writeln!(std::io::stdout(), "{seconds} {bytes}")?;
    Ok(())
}
