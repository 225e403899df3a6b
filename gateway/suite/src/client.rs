//! An HTTP/1.1 client that adds nothing of its own: any method, target, header and body, and answers as they come.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

/// No answer of a test takes longer.
const BOUND: Duration = Duration::from_secs(30);

/// A connection.
#[derive(Debug)]
pub struct Client {
    stream: BufReader<TcpStream>,
    address: SocketAddr,
}

/// A whole answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Status of HTTP.
    pub status: u16,
    /// Names are in lower case.
    pub headers: Vec<(String, String)>,
    /// All of it.
    pub body: Vec<u8>,
    /// Only of a chunked body.
    pub trailers: Vec<(String, String)>,
}

/// An answer whose head has been read; its body comes by [`next`](Self::next).
#[derive(Debug)]
pub struct Streamed<'a> {
    /// Status of HTTP.
    pub status: u16,
    /// Names are in lower case.
    pub headers: Vec<(String, String)>,
    stream: &'a mut BufReader<TcpStream>,
    left: Left,
}

/// A part of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// A chunk, or the whole of a body with a length.
    Data(Vec<u8>),
    /// The body has ended, with these trailers.
    End(Vec<(String, String)>),
}

#[derive(Debug)]
enum Left {
    Chunks,
    Length(usize),
    UntilClose,
    Nothing,
}

impl Client {
    /// Connects.
    pub fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).with_context(|| format!("connect to {address}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(BOUND))?;
        Ok(Self { stream: BufReader::new(stream), address })
    }

    /// One request and its whole answer. `Host` and, with a body, `Content-Length` are added unless they are given.
    pub fn send(
        &mut self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Answer> {
        let mut streamed = self.open(method, target, headers, body)?;
        let (status, headers) = (streamed.status, std::mem::take(&mut streamed.headers));
        let mut whole = Vec::new();
        let trailers = loop {
            match streamed.next()? {
                Part::Data(data) => whole.extend(data),
                Part::End(trailers) => break trailers,
            }
        };
        Ok(Answer { status, headers, body: whole, trailers })
    }

    /// The same with a JSON body.
    pub fn json(&mut self, method: &str, target: &str, body: &[u8]) -> Result<Answer> {
        self.send(method, target, &[("content-type", "application/json")], body)
    }

    /// The same without a body.
    pub fn get(&mut self, target: &str) -> Result<Answer> {
        self.send("GET", target, &[], b"")
    }

    /// Sends a request and reads the head of its answer.
    pub fn open(
        &mut self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Streamed<'_>> {
        let mut request = format!("{method} {target} HTTP/1.1\r\n").into_bytes();
        let given = |name: &str| headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
        if !given("host") {
            write!(request, "host: {}\r\n", self.address)?;
        }
        for (name, value) in headers {
            write!(request, "{name}: {value}\r\n")?;
        }
        if !given("content-length") && !given("transfer-encoding") && !body.is_empty() {
            write!(request, "content-length: {}\r\n", body.len())?;
        }
        request.extend_from_slice(b"\r\n");
        request.extend_from_slice(body);
        self.write(&request)?;
        self.head(method == "HEAD")
    }

    /// Sends bytes as they are.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(self.stream.get_mut().write_all(bytes)?)
    }

    /// Reads the head of an answer; one to HEAD has no body.
    pub fn head(&mut self, without_body: bool) -> Result<Streamed<'_>> {
        let line = line(&mut self.stream)?;
        let status = line.split(' ').nth(1).and_then(|word| word.parse().ok());
        let status: u16 = status.with_context(|| format!("no status line: {line:?}"))?;
        let headers = fields(&mut self.stream)?;
        let value =
            |name: &str| headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let left = if without_body || status < 200 || [204, 304].contains(&status) {
            Left::Nothing
        } else if value("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
            Left::Chunks
        } else if let Some(length) = value("content-length") {
            Left::Length(length.parse().context("content-length")?)
        } else {
            Left::UntilClose
        };
        Ok(Streamed { status, headers, stream: &mut self.stream, left })
    }

    /// The next part of a chunked body whose head was read before, so that more can be sent between two parts.
    pub fn chunk(&mut self) -> Result<Part> {
        let stream = &mut self.stream;
        Streamed { status: 200, headers: Vec::new(), stream, left: Left::Chunks }.next()
    }
}

impl Answer {
    /// The first header of this name, in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    pub fn json(&self) -> Result<serde_json::Value> {
        serde_json::from_slice(&self.body)
            .with_context(|| format!("status {}, body {}", self.status, self.text()))
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Streamed<'_> {
    /// The next part of the body; an error where the connection ends before the body does.
    #[allow(clippy::should_implement_trait, reason = "it can fail, and it has an end with a value")]
    pub fn next(&mut self) -> Result<Part> {
        match self.left {
            Left::Nothing => Ok(Part::End(Vec::new())),
            Left::Length(length) => {
                self.left = Left::Nothing;
                let mut data = vec![0; length];
                self.stream.read_exact(&mut data).context("the body ends early")?;
                Ok(Part::Data(data))
            }
            Left::UntilClose => {
                self.left = Left::Nothing;
                let mut data = Vec::new();
                self.stream.read_to_end(&mut data)?;
                Ok(Part::Data(data))
            }
            Left::Chunks => self.chunk(),
        }
    }

    fn chunk(&mut self) -> Result<Part> {
        let size = line(self.stream)?;
        let size =
            usize::from_str_radix(&size, 16).with_context(|| format!("no size of a chunk: {size:?}"))?;
        if size == 0 {
            self.left = Left::Nothing;
            return Ok(Part::End(fields(self.stream)?));
        }
        let mut data = vec![0; size + 2];
        self.stream.read_exact(&mut data).context("a chunk ends early")?;
        ensure!(data.ends_with(b"\r\n"), "a chunk without an end");
        data.truncate(size);
        Ok(Part::Data(data))
    }
}

fn line(stream: &mut BufReader<TcpStream>) -> Result<String> {
    let mut line = String::new();
    if stream.read_line(&mut line)? == 0 {
        bail!("the connection is closed");
    }
    Ok(line.trim_end_matches("\r\n").to_owned())
}

/// Fields up to an empty line.
fn fields(stream: &mut BufReader<TcpStream>) -> Result<Vec<(String, String)>> {
    let mut fields = Vec::new();
    loop {
        let line = line(stream)?;
        if line.is_empty() {
            return Ok(fields);
        }
        let (name, value) = line.split_once(':').with_context(|| format!("no field: {line:?}"))?;
        fields.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
}
