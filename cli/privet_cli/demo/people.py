"""Names and telephone numbers for invented guests, by the country of their booking.

Names have six letters or more: shorter ones turn up by chance in a few megabytes of ciphertext, and the demo counts
what it finds. Telephone numbers come only from ranges that regulators keep for fiction (Ofcom, Arcep, PTS, ACMA, the
Bundesnetzagentur, and 555-01xx in America), so that none of them rings; a country that keeps none gets a French one.
Refuses nothing.
"""

import random
import unicodedata

_GIVEN = {
    "pt": """
        Adriana Amélia António Augusto Bárbara Beatriz Carlota Catarina Constança Cristina Domingos Eduardo
        Ernesto Fernanda Filipa Francisco Gabriela Gonçalo Guilherme Henrique Inácio Joaquim Leonor Lourenço
        Madalena Manuela Mariana Matilde Patrícia Renata Rodrigo Salvador Teodora Valentim Vicente""",
    "en": """
        Abigail Barnaby Beatrice Caroline Charlotte Clement Cordelia Daniel Dorothy Edmund Elizabeth Florence
        Frederick Geoffrey Gregory Harriet Henrietta Imogen Jonathan Josephine Lawrence Leonard Margaret Matilda
        Nathaniel Nicholas Oliver Penelope Philippa Rosalind Rupert Samuel Sophie Stephen Theodore Vivian
        William Winifred""",
    "es": """
        Alejandro Alfonso Almudena Beltrán Candela Carmen Carolina Consuelo Dolores Esperanza Esteban Federico
        Fernando Gonzalo Guillermo Inmaculada Joaquín Lorena Macarena Marcos Montserrat Natalia Nicolás
        Pilar-Luz Ramiro Remedios Rosario Santiago Soledad Teresa Verónica Virginia""",
    "fr": """
        Adélaïde Agathe Antoine Apolline Aurélien Bastien Blanche Brigitte Camille Cécile Clémence Corentin
        Delphine Édouard Étienne Fabrice Florian Gaspard Geneviève Guillaume Hortense Isabelle Jérôme Juliette
        Laurent Mathilde Maxime Nathalie Océane Quentin Raphaël Séverine Solène Thibault Victoire Yannick""",
    "de": """
        Adelheid Albrecht Annelie Benedikt Brigitta Christoph Dietrich Dorothea Elfriede Elisabeth Friedrich
        Gertrud Gottfried Hannelore Heinrich Hildegard Ingeborg Johanna Jürgen Katharina Konrad Leopold
        Liselotte Magdalena Matthias Mechthild Reinhard Rosemarie Sebastian Siegfried Theresa Ulrike Valentin
        Waltraud Wilhelm""",
    "it": """
        Alessandra Antonella Beatrice Benedetto Claudia Costanza Domenico Edoardo Eleonora Fabrizio Federica
        Filippo Gabriele Giacomo Ginevra Giovanni Giuliana Lorenzo Ludovica Massimo Matteo Raffaele Riccardo
        Silvia-Rosa Stefania Tommaso Vincenzo Vittoria""",
    "nl": """
        Annelies Annemarie Bastiaan Christiaan Cornelia Diederik Floortje Frederik Geertje Gijsbert Hendrika
        Jacoba Johannes Katrijn Liesbeth Maarten Marijke Matthijs Nicolaas Reinier Saskia Steven-Jan Teunis
        Willemijn""",
    "nordic": """
        Annika Birgitta Britta Christer Elisabet Fredrik Gunilla Gustav Henrik Hjalmar Ingrid Joakim Katarina
        Kristian Lennart Margareta Mathias Mikael Ragnhild Sigrid Solveig Stefan Synnøve Torbjørn Viggo-Lars""",
    "pl": """
        Agnieszka Aleksander Bartosz Bogdana Bolesław Czesław Dominika Franciszek Grażyna Grzegorz Jadwiga
        Jarosław Justyna Kazimierz Krystyna Krzysztof Ludwika Małgorzata Mirosław Patrycja Przemysław Stanisława
        Tadeusz Wiesława Wojciech Zbigniew""",
    "zh": """
        Guanyu Hanying Huifang Jianguo Jiayue Jingyi Junhao Lanying Meiling Mingzhu Qinghua Ruolan Shuyan Tianyu
        Weimin Xiaohong Xiulan Xueqin Yanping Yingjie Yuanyuan Zhenhai Zhiqiang""",
    "ru": """
        Aleksei Anastasia Antonina Arkady Darya-Vera Dmitry Ekaterina Evgenia Galina Grigory Konstantin Kseniya
        Larisa Leonid Lyudmila Margarita Mikhail Nadezhda Nikolai Roman-Lev Svetlana Tatiana Valentina Vladimir""",
}
_FAMILY = {
    "pt": """
        Almeida Andrade Antunes Azevedo Barbosa Batista Cardoso Carneiro Carvalho Coelhos Esteves Faria-Lobo
        Ferreira Figueira Fonseca Gonçalves Guerreiro Loureiro Machado Marques Martins Mendonça Monteiro Moreira
        Nogueira Oliveira Pereira Pinheiro Queirós Ribeiro Rodrigues Santana Siqueira Tavares Teixeira
        Vasconcelos""",
    "en": """
        Abernathy Allardyce Ashworth Atkinson Barrington Blackwood Bradshaw Broadbent Carmichael Chadwick
        Collingwood Dalrymple Davenport Eastwood Fairbairn Featherstone Fitzgerald Gallagher Greenhalgh Hathaway
        Holloway Kavanagh Kirkpatrick Lancaster Lockwood MacGregor Middleton Northcote O’Connell Pemberton
        Radcliffe Sheridan Stapleton Thackeray Underhill Wainwright Whitaker Woodhouse""",
    "es": """
        Aguirre Alarcón Benítez Caballero Calderón Castillo Cervantes Cordero Delgado Domínguez Escobar Espinosa
        Fernández Figueroa Gallardo Gutiérrez Herrera Jiménez Mendoza Montero Navarro Ordóñez Pacheco Quintero
        Ramírez Salazar Santiso Serrano Valverde Zambrano""",
    "fr": """
        Arnaud Aubert Barbier Beaumont Bertrand Blanchard Bouchard Chevalier Delacroix Desjardins Dubois Duchamp
        Fontaine Fournier Gauthier Girard Lambert Lefèvre Lemaire Marchand Mercier Moreau Perrin Renault
        Rousseau Roussel Saint-Clair Thibodeau Vasseur Villeneuve""",
    "de": """
        Ackermann Baumgartner Bergmann Brandt-Lang Dietrichs Eberhardt Eichinger Fleischer Friedrichs Gerhardt
        Hartmann Heinemann Hoffmann Hübner Kaufmann Kirchner Lehmann Lindemann Neumann Oberhuber Pfeiffer
        Reinhardt Rosenthal Schneider Schröder Schuster Seidel Steiner Vogelsang Wagner Winkler Zimmermann""",
    "it": """
        Barbieri Benedetti Bianchi Caruso Cattaneo Colombo Damiani Esposito Fabbri Ferrari Fontana Gallo-Rossi
        Giordano Lombardi Mancini Marchetti Martinelli Moretti Palumbo Pellegrini Rinaldi Romano Santoro Vitale""",
    "nl": """
        Bakkers Boonstra Brouwer de-Graaf Dijkstra Haverkamp Hendriks Hoekstra Jansens Kloosterman Kuipers
        Molenaar Postma Roelofs Schipper Timmermans van-Beek van-Dalen Veenstra Verhoeven Visser Westerveld
        Zijlstra""",
    "nordic": """
        Ahlström Andersen Bergström Björklund Christensen Dahlgren Ekström Engström Forsberg Gustavsen Haugland
        Henriksen Holmberg Isaksson Jakobsen Korhonen Lindqvist Mäkinen Nordström Paulsen Rasmussen Sandberg
        Söderberg Thorsen Virtanen Westergaard""",
    "pl": """
        Adamczyk Bielecki Borkowska Dąbrowska Domańska Gajewski Górska-Lis Jabłońska Jankowski Jaworski
        Kaczmarek Kamińska Kowalczyk Kozłowska Krawczyk Lewandowska Majewski Nowacka Olszewska Pawłowski
        Sikorska Szymańska Wiśniewska Wróblewski Zalewska""",
    "zh": """
        Ouyang Shangguan Sima-Zhou Huangfu Zhangsun Dongfang Linghu Situ-Wang Gongsun Murong Zhuang Zhongli""",
    "ru": """
        Alekseev Bogdanov Vasilieva Grigoriev Egorova Zaytsev Ivanova Karpov Kuznetsov Lebedeva Makarov
        Mikhailova Morozov Nikitin Orlova Pavlov Petrova Romanov Semyonova Smirnov Sokolova Titova Fedorov
        Yakovleva""",
}
_COUNTRIES = {
    "pt": "prt bra ago moz cpv stp",
    "en": "gbr irl usa aus can nzl zaf",
    "es": "esp arg mex col chl per ury ven ecu",
    "fr": "fra bel lux mco",
    "de": "deu aut che",
    "it": "ita",
    "nl": "nld",
    "nordic": "swe nor dnk fin isl",
    "pl": "pol",
    "zh": "chn cn twn hkg",
    "ru": "rus ukr blr",
}
_PEOPLE = {code: people for people, codes in _COUNTRIES.items() for code in codes.split()}
_FRENCH = ("+3319900####", "+3326191####", "+3335301####", "+3346571####", "+3353649####")
_GERMAN = ("+493023125###", "+496990009###", "+494066969###", "+492214710###", "+498999998###")
_NORDIC = ("+468465004##", "+463139006##", "+464062804##")
_PHONES = {
    "gbr": (
        *(f"+44{area}4960###" for area in (113, 114, 116, 117, 118, 121, 131, 141, 151, 161)),
        "+442079460###",
        "+441914980###",
    ),
    "irl": ("+442896496###",),
    "usa": tuple(f"+1{area}55501##" for area in (206, 212, 305, 312, 415, 512, 617, 702)),
    "aus": ("+6125550####", "+6135550####", "+6175550####", "+6185550####"),
    **dict.fromkeys(("deu", "aut", "che"), _GERMAN),
    **dict.fromkeys(("swe", "nor", "dnk", "fin"), _NORDIC),
}
_LETTERS = str.maketrans({"ł": "l", "ø": "o", "ß": "ss", "’": "", "-": ""})


class People:
    """Makes up people. The same seed gives the same people."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self._names = {key: (given.split(), _FAMILY[key].split()) for key, given in _GIVEN.items()}
        self._taken: set[str] = set()

    def name(self, country: str) -> tuple[str, str]:
        """Given and family name."""
        key = _PEOPLE.get(country) or self._dice.choice(sorted(self._names))
        given, family = self._names[key]
        return self._dice.choice(given), self._dice.choice(family).replace("-", " ")

    def phone(self, country: str) -> str:
        """In E.164. People may share one."""
        mask = self._dice.choice(_PHONES.get(country, _FRENCH))
        return "".join(self._dice.choice("0123456789") if sign == "#" else sign for sign in mask)

    def email(self, given: str, family: str) -> str:
        """Nobody else's, at a name that is reserved for examples (RFC 2606)."""
        plain = unicodedata.normalize("NFKD", f"{given}.{family}".lower().translate(_LETTERS))
        stem = "".join(sign for sign in plain if sign.isascii() and not sign.isspace())
        domain = self._dice.choice(("org", "com", "net"))
        found, number = f"{stem}@example.{domain}", 1
        while found in self._taken:
            number += 1
            found = f"{stem}{number}@example.{domain}"
        self._taken.add(found)
        return found
