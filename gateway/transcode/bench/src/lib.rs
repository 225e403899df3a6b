//! The payloads of the codec benchmark: books of about 600 bytes of JSON, and books with a long text.

/// One book; `summary` stands in it as JSON text, escapes included.
fn book(number: usize, summary: &str) -> String {
    format!(
        r#"{{"id":"{number}","title":"A Title of Ordinary Length, Volume {number}","author":{{"given_name":"Ursula","family_name":"Example","pen_names":["U. E.","Someone Else"]}},"genre":"GENRE_FICTION","tags":["one","two","three","a longer tag"],"labels":{{"shelf":"top","colour":"green","note":"says \"hello\""}},"rating":4.625,"available":true,"published":"2024-02-29T12:34:56.789Z","cover":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=","years":[1999,2004,2011,2023],"summary":"{summary}"}}"#
    )
}

/// A sentence of a summary.
const SENTENCE: &str = "A summary that says in a sentence or two what happens, and where, and to whom, without giving away how it ends.";
/// A paragraph of a long text: mostly ASCII, one escape, two characters beyond it.
const PARAGRAPH: &str = "It was a dark and stormy night; the rain fell in torrents, except at occasional intervals, when it was checked by a violent gust of wind which swept up the streets of the café, rattling along the house-tops, and fiercely agitating the scanty flame of the lamps that struggled against the naïve darkness.\\n";

/// A list of books as JSON.
fn list(count: usize, summary: &str) -> String {
    let books: Vec<String> = (0..count).map(|number| book(number, summary)).collect();
    format!(r#"{{"books":[{}]}}"#, books.join(","))
}

/// The payloads by name: JSON of the message `bench.v1.Books`, in the form that every contender prints.
pub fn payloads() -> [(&'static str, String); 3] {
    [
        ("600B", list(1, SENTENCE)),
        ("60KB", list(100, SENTENCE)),
        ("460KB-text", list(100, &PARAGRAPH.repeat(13))),
    ]
}
