"""Words by which names in English are known, and words that are names as well."""

TITLES = frozenset(
    "Mr Mrs Ms Miss Mx Dr Prof Professor Doctor Sir Madam Lady Dame Rev Reverend Fr Sgt"
    " Sergeant Capt Captain Lt Lieutenant Col Colonel Maj Gen Sen Senator Rep Gov Governor"
    " Judge Justice Hon Monsieur Madame Mme Mlle Herr Frau Señor Señora Signor Signora Uncle"
    " Aunt Auntie Sister Brother Nurse Detective Inspector Officer Cllr Msgr".split()
)
"""Before a surname or a name; with a full stop or without."""

PARTICLES = frozenset(
    "van von der den de del della di da dos das du le la el al bin bint ibn ben ter ten zu af"
    " av y e Van Von Der Den De Del Della Di Da Dos Das Du Le La El Al Bin Ibn Ben Ter Ten"
    " St".split()
)
"""Between the words of a name."""

SUFFIXES = frozenset("Jr Sr II III IV PhD MD Esq".split())

AMBIGUOUS = frozenset(
    # words
    "Will Mark May Rose Hope Grace Bill Faith Joy Art Dawn Eve Ivy Jack Jade Jasmine Jean Jewel"
    " June April August Summer Autumn Amber Angel Basil Bay Beau Blanche Brook Brooke Buck Bud"
    " Candy Chance Charity Chase Christian Chuck Clay Cliff Colt Coral Crystal Daisy Dale Dean"
    " Diamond Dick Dolly Don Drew Ebony Ernest Fern Flora Forest Frank Gene Gay Ginger Glen"
    " Grant Guy Harmony Hazel Heath Holly Honor Hunter Iris Jay Justice Lance Lane Lily Lucky"
    " Mason Max Mercy Merry Miles Misty Nick Noble Norm Olive Opal Page Parker Pat Patience"
    " Pearl Peg Penny Piper Pierce Poppy Rain Ray Raven Red Reed Rich River Rob Robin Rock Rod"
    " Roman Rosemary Ruby Rusty Sage Sandy Sky Skip Skye Sonny Star Stella Sterling Stone Sunny"
    " Tanner Trinity Van Victor Viola Violet Wade West Willow Woody Worth Young Zen Major"
    " Melody Gale Gill Marina Regina Celeste Destiny Heaven Kitty Lacy Ace Alpha Beta Delta"
    " Sigma Omega Echo Era Eden Storm Sierra Savannah Baby Laurel Myrtle Pet Bella Mac Ash Bo"
    " Cash Cosmo Ford Royce Mercedes Lexus Porsche Pascal Ada Julia Perl Haskell Eiffel Rust"
    " Linus Jupiter Mars Apollo Juno Athena Hermes Mercury Venus Neptune Atlas Titan Phoenix"
    " Clio"
    # places
    " Paris London Florence Austin Houston Dallas Charlotte Lincoln Madison Jackson Orlando"
    " Victoria Sydney Adelaide Vienna Milan Santiago Troy Kent Devon Brooklyn Chester Lancaster"
    " York Asia India China Africa America Georgia Jordan Chad Virginia Carolina Washington"
    " Israel Cuba Kenya Ireland Holland Francisco Angeles Diego Jose Salvador Sofia Verona"
    " Geneva Valencia Lourdes Dakota Cheyenne Chelsea Alexandria Augusta Helena Bristol Trent"
    " Tyne Preston Stanley Nelson Hamilton Wellington Perth Darwin Melbourne Brisbane Jersey"
    " Denver Cleveland Clinton Hudson Windsor Oxford Cambridge Bethlehem Nazareth Roma Alba"
    " Sahara Malta Indiana Montana Tennessee Nevada Louisiana Arizona Laramie Odessa Petra"
    " Jericho Canaan Zion Barcelona Berlin Lyon Christ Jesus Christmas Easter Noel Sunday"
    " Sabbath Messiah Ave Lot Cain Aston Minor Baptist Admiral Commodore Julian Silver Love"
    " Liberty Criminal Master Oct".split()
)
"""Given names that are words, places, languages of programming or gods besides."""

THINGS = frozenset(
    "Parkway Ranges Range Cemetery Tree PLC GmbH AG Co Investments University College School"
    " Institute Academy Hospital Church Cathedral Abbey Chapel Temple Museum Library Theatre"
    " Theater Gallery Palace Castle Hall House Tower Bridge Park Garden Gardens Square Street"
    " Road Avenue Ave Lane Drive Boulevard Court Place Plaza Station Airport Port Harbour"
    " Harbor Bay Beach Island Islands Isle Lake River Creek Falls Mountain Mountains Mount Hill"
    " Hills Valley Canyon Peak Forest Woods Glacier Sea Ocean Cape Point County City Town"
    " Village District Province State States Republic Kingdom Empire Dynasty Army Navy Corps"
    " Regiment Brigade Squadron Company Corporation Corp Inc Ltd LLC Limited Group Partners"
    " Associates Brothers Bros Sons Bank Fund Trust Foundation Society Association Union League"
    " Club Council Committee Commission Party Department Ministry Office Bureau Agency Center"
    " Centre Stadium Arena Field Cup Prize Award Awards Medal Trophy Championship Tournament"
    " Series Show Band Orchestra Records Press Books Magazine Times Post Journal News Radio"
    " Television TV Pictures Studios Films Entertainment Software Systems Technologies Engine"
    " Project Method Theorem Algorithm Equation Law Theory Effect Test Index Act Treaty War"
    " Battle Day Week Month Year Eve Festival Parade Hurricane Storm Line Railway Railroad"
    " Highway Route Canal Tunnel Dam Mine Class Type Model Edition Version Volume Chapter"
    " Section Part Figure Table Appendix Constitution Bible Gospel Song Album Game Games Code"
    " Server Desktop Windows Linux Unix Python Java Script API License Licence Standard"
    " Protocol Format File Files Data Base".split()
)
"""What a name of a place, an institution or a work ends in."""

NO_NAMES = THINGS | frozenset(
    "Saint St Republican Democrat Democrats Republicans The A An This That These Those He She"
    " It We They You I His Her Its Our Their Your My Who What When Where Why How Which If In On"
    " At By For From To Of With And Or But Not No Yes As So Then There Here Now Also After"
    " Before While Since During Until Because Although However Is Are Was Were Be Been Do Does"
    " Did Has Have Had Can Could Would Should Shall Must Might Let All Any Some Many Most Each"
    " Every Both Other Another Such Only Just More Less Few First Second Third Last Next New"
    " Old One Two Three Four Five Six Seven Eight Nine Ten Please Thanks Thank Dear Hi Hello"
    " Hey Regards Sincerely Cheers OK Okay Oh Monday Tuesday Wednesday Thursday Friday Saturday"
    " Sunday January February March April May June July August September October November"
    " December English French German Spanish Italian American British European Chinese Japanese"
    " Russian Latin Greek Roman Christian Jewish Muslim Catholic Protestant Buddhist North"
    " South East West Northern Southern Eastern Western Central Upper Lower Great Grand Royal"
    " National International General President Minister Chairman Chairwoman Speaker King Queen"
    " Prince Princess Duke Earl Lord Emperor Pope Bishop Bot World Everyone Everybody Anyone"
    " Team Customer Friend Friends Colleague Colleagues Reader Readers Diary Santa Vice"
    " Secretary Note See Return Returns Raise Raises Use Used True False None Error Warning"
    " Example Examples Copyright Author Authors Contributor Contributors Name Names User Users"
    " Email Phone Address Date Time Subject Message Re Fw Fwd Cc Bcc Jan Feb Mar Apr Jun Jul"
    " Aug Sep Sept Oct Nov Dec".split()
)
"""What is never part of a name: words that begin sentences, days, peoples, ranks."""

THING_BEFORE = frozenset(
    "San Santa Saint St Sainte São Lake Mount Mt Port Fort Cape Point Hurricane Typhoon Storm"
    " USS HMS SS Operation Project Camp Glacier El Los Las Rio Villa Rua Rue Calle Avenida Via"
    " Piazza Plaza Place Cite Avenue".split()
)
"""After these words stands a name of a place, a ship or a storm."""

PLACE_INITIALS = frozenset(
    "U.S. U.S.A. U.K. U.N. E.U. D.C. L.A. N.Y. P.O. A.D. B.C. A.M. P.M.".split()
)
"""Initials of nobody."""

NAMED_BEFORE = (
    "(?:my|his|her|their|your|whose)(?: (?:own|last|first|full|maiden|middle|given|real))? name"
    "(?:'s| is| was)|(?:partner|wife|husband|father|mother)'s name(?:'s| is| was)?|calls? me"
    "|called me"
)
"""After these words stands a name, known or not."""

PERSON_BEFORE = (
    "said|says|asked|asks|replied|told|tells|whispered|shouted at|yelled at|spoke to|speak to"
    "|talk to|talked to|[Dd]ear|[Hh]i|[Hh]ello|[Hh]ey|[Tt]hanks|[Rr]egards|[Ss]incerely|[Cc]heers"
    "|son|daughter|wife|husband|mother|father|brother|sister|kid|friend|partner"
)
"""After these words stands a person more often than not."""

SPEAKING_AFTER = (
    "said|says|asked|asks|replied|told|whispered|shouted|yelled|smiled|laughed|nodded|sighed|spoke"
)
"""What people do, after their name."""
